"""Run-time shape and type checks during tests; a float parameter takes 30 as well as 30.0."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
