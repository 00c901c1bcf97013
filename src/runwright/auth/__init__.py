"""Who may: roles, tokens and sealed secrets. Pure, save for the key file; accounts are verbs of the store."""
