"""The compiled core: parallel loops over the C engine. Private; the public names are in
`scalecore`.
"""
