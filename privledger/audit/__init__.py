"""The auditor."""
from privledger.audit.fetch import DirectoryFetcher
from privledger.audit.place import audit_place
