"""Parts of the step types that call HTTP APIs: bodies, answers, writes, lists in pages."""
