"""Contracts: how activity becomes payment. One file a payment component; the file's name is the component's kind."""
