"""What hangs on the walls: what the PBXs show now, the picture made of it, the screens that show it, who may look."""
