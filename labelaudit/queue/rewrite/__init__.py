"""Labels written anew where and how a dataset writes them; everything else of its files stays as it is."""
