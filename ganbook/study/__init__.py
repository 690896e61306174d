"""The study of chapter 12: its arms."""
