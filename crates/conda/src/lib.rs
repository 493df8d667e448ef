//! The conda ecosystem: channels and solving, facts, archives into entries.
