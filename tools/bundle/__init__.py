"""Linux 整包：用 PyInstaller 打成一个目录，量过大小与快慢，写进 docs/packaging.md。"""
