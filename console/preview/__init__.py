"""What `cadenza preview` needs: whom to show it for, and how to show, write or mail it."""
