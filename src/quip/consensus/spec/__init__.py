"""The chain spec: values, document, reader."""
