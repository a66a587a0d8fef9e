"""How results show themselves: pictures, tables for notebooks, labelled data. Nothing is computed
here.
"""
