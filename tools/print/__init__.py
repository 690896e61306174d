"""The book on paper and as an e-book, made from its built pages."""
