"""Dead letters and what is known of them: their content, which are meant, corrections."""
