"""The build hook: from features.toml, a profile and the environment to the package that a wheel holds.

    features.toml, profile, environment -> Features -> resolve() -> Build -> stage() -> the wheel

    errors         complaints of one line
    names          the known name nearest to an unknown one
    keys           a key of config files, as a row of features.toml
    features_file  features.toml as typed, checked tables
    variables      names in the environment: ours, typos, other programs'
    choices        file < profile < environment
    rules          conflicts, needs, ranges
    resolution     the choices, made and checked
    rendering      _features.py, the build record as JSON, the local version
    flag_rules     the uses of a flag that are refused
    source_text    a source as bytes, with the positions of its parts
    blanking       a source without the branches that are off, no line moved
    staging        the copy that the wheel is made of
    compiling      mypyc on that copy
    tree           the tree's own _features.py, for `python hatch_build.py` and editable installs
    hooks          the two classes that hatchling asks

hatch_build.py is the door to it. Only hooks.py needs more than the standard library.
"""
