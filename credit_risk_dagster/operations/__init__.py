"""Operations: backing an installation up, restoring it, and saying whether it is well."""
