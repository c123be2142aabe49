"""What users notice of deploys: failed requests, and how long answers take during a switch."""
