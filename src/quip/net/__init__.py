"""L4: networking. All but quic.py, certificates.py and trust_db.py is sans-IO: events and `now` in, actions out."""
