"""What a cloud must offer, one file a contract. Nothing here knows a cloud."""
