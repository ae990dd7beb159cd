"""One file per migration; none is changed once it was released."""
