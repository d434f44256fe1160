"""证据：链、签名、策略与锚，能不能在别处核对（contract 第 5、8 节，docs/audit.md）。"""
