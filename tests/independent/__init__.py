"""A second opinion: the real command against an Azure DevOps written from the facts alone.

It shares nothing with the client or its simulator, so that agreement is evidence. A test says what is, runs, reads::

    pat = Pat(swap("vso.work_full", "vso.work"))           # the ticked boxes
    internet.become(World(tokens=(pat,)))                  # everything that can answer
    done = machine.run("validate", "-o", "contoso", pat=pat)
    assert done.report.organization.failing == {"scope.work"}

`machine.run` asserts on every run that no rule of `strict.py` was broken, that no host outside of `listener.PLAN` was
asked for, that no secret was left anywhere, and that the document keeps the contract. `internet.ledger` knows
each request.
"""
