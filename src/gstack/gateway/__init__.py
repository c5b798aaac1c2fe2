"""HTTP and Google's conventions. Knows no resource."""
