"""`drum fit`, on folders as users of DRUM write them."""
