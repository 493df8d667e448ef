//! What makes an image usable: the packages it asks for, its users and its environment variables.
