"""Where factors act: what authors of localizers need, and how masks are judged."""
