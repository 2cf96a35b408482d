"""Vascular prevention in general practice: registration of risk, the programme, statins, blood pressure."""
