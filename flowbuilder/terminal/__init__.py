"""What the commands share: answers as text or JSON, errors as one line, tables, and questions on the terminal."""
