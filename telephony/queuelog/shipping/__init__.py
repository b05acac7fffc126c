"""queue_log from another host: what is sent at once (`parcel`), who sends (`sender`), who takes it (`shipped`)."""
