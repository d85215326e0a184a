"""What commands read: workflow files, inputs, identities and answers to reviews."""
