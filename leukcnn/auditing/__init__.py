"""What a paper's printed values prove by themselves, without data.

Each kind of claim in `leukcnn.spec.kinds.CLAIMS` has an entry in `KINDS` of its module: a function that
finds such claims in a paper's tables, and one that checks a claim. A new paper is audited without new code:
its tables state values and the tested images (`leukcnn.spec.Sample`).
"""
