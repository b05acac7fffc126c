"""The house's own CRM, asked over HTTP who has a number. Optional; never holds a call."""
