"""What others build against, written from the code: OpenAPI of each service, AsyncAPI and JSON Schemas of the events."""
