"""Contracts: how activity becomes payment; one file a payment component, named as its kind."""
