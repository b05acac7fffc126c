"""`/api/v1/cases` and `/api/v1/callbacks`: what people do with cases, for their programs."""
