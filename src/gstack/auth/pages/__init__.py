"""The pages for people: sign-in, consent, the console. HTML from templates, no script."""
