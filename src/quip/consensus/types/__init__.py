"""What the law is about: header, block, seal, context, account state."""
