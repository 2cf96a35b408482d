"""Ischaemic heart disease: acute myocardial infarction and the years after it."""
