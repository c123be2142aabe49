"""The five signs that stage 1 has been outgrown.

``evidence`` reads what the host told, ``signs`` and ``verdicts`` decide, ``report`` says it; none
of them asks anyone. ``asking`` asks the host, ``next_stage`` what stage 2 would cost.
"""
