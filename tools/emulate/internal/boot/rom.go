package boot

import "fmt"

// Selectors of the ROM's segment descriptors. The boot protocol fixes the last
// two: __BOOT_CS is 0x10 and __BOOT_DS is 0x18.
const (
	code32Sel = 0x08
	code64Sel = 0x10
	dataSel   = 0x18
)

// Offsets in the ROM of its parts.
const (
	romSize   = 0x10000
	realMode  = 0x0000
	protected = 0x0020
	long      = 0x0080
	gdt       = 0x0100
	gdtr      = 0x0140
	reset     = 0xfff0
)

// ROM returns the 64 KiB of read-only memory at 0xf0000. The CPU's first
// instruction is the one 16 bytes before its end (SDM 3A, 10.1.4); it ends with
// a jump to the kernel's entry in long mode.
//
// On the way it reads one byte in every touch bytes of RAM, from address 0 up.
// A machine that hands out its memory in blocks at first use, as Bochs does,
// thus has them in order; see the caller.
func (m *Machine) ROM(touch uint32) ([]byte, error) {
	if m.Kernel.Entry > 1<<31-1 {
		return nil, fmt.Errorf("kernel entry %#x is not a 31-bit address", m.Kernel.Entry)
	}
	rom := make([]byte, romSize)
	for i := range rom {
		rom[i] = 0xf4 // hlt
	}
	// jmp far f000:realMode
	copy(rom[reset:], []byte{0xea, realMode & 0xff, realMode >> 8, 0x00, 0xf0})

	for i, d := range []uint64{
		0,
		0x00cf9b000000ffff, // code32Sel: 4 GiB of 32-bit code (SDM 3A, 3.4.5)
		0x00af9b000000ffff, // code64Sel: the same with L instead of D
		0x00cf93000000ffff, // dataSel: 4 GiB of writable data
	} {
		le.PutUint64(rom[gdt+8*i:], d)
	}
	le.PutUint16(rom[gdtr:], 4*8-1)
	le.PutUint32(rom[gdtr+2:], romAddr+gdt)

	for _, part := range []struct {
		at, end int
		code    []byte
	}{
		{realMode, protected, realModeCode()},
		{protected, long, m.protectedCode(touch)},
		{long, gdt, m.longCode()},
	} {
		if part.at+len(part.code) > part.end {
			return nil, fmt.Errorf("ROM code of %d bytes at %#x runs into %#x", len(part.code), part.at, part.end)
		}
		copy(rom[part.at:], part.code)
	}
	return rom, nil
}

// realModeCode switches to protected mode (SDM 3A, 10.9.1).
func realModeCode() []byte {
	return asm(
		0xfa,                                     // cli
		0x2e, 0x66, 0x0f, 0x01, 0x16, word(gdtr), //    lgdt cs:[gdtr]
		0x66, 0xb8, dword(0x11), //                     mov eax, PE|ET
		0x0f, 0x22, 0xc0, //                            mov cr0, eax
		0x66, 0xea, dword(romAddr+protected), word(code32Sel), // jmp far code32Sel:protected
	)
}

// protectedCode touches the memory and switches to long mode (SDM 3A, 10.8.5).
func (m *Machine) protectedCode(touch uint32) []byte {
	code := asm(
		0x66, 0xb8, word(dataSel), // mov ax, dataSel
		0x8e, 0xd8, //                mov ds, ax
		0x8e, 0xc0, //                mov es, ax
		0x8e, 0xd0, //                mov ss, ax
		0x31, 0xdb, //                xor ebx, ebx
	)
	loop := len(code)
	code = append(code, asm(
		0x8a, 0x03, //                         loop: mov al, [ebx]
		0x81, 0xc3, dword(touch), //           add ebx, touch
		0x81, 0xfb, dword(uint32(m.Memory)), // cmp ebx, memory
	)...)
	code = append(code, 0x72, byte(loop-len(code)-2)) // jb loop
	return append(code, asm(
		0xb8, dword(0x20), //         mov eax, PAE
		0x0f, 0x22, 0xe0, //          mov cr4, eax
		0xb8, dword(pml4Addr), //     mov eax, pml4
		0x0f, 0x22, 0xd8, //          mov cr3, eax
		0xb9, dword(0xc0000080), //   mov ecx, IA32_EFER
		0x0f, 0x32, //                rdmsr
		0x0d, dword(0x100), //        or eax, LME
		0x0f, 0x30, //                wrmsr
		0xb8, dword(0x80000011), //   mov eax, PG|ET|PE
		0x0f, 0x22, 0xc0, //          mov cr0, eax
		0xea, dword(romAddr+long), word(code64Sel), // jmp far code64Sel:long
	)...)
}

// longCode enters the kernel as its boot protocol says: interrupts off, and
// the address of boot_params in rsi.
func (m *Machine) longCode() []byte {
	return asm(
		0xbe, dword(paramsAddr), //             mov esi, boot_params
		0xbc, dword(stackTop), //               mov esp, stack
		0xb8, dword(uint32(m.Kernel.Entry)), // mov eax, entry
		0xff, 0xe0, //                          jmp rax
	)
}

type (
	word  uint16
	dword uint32
)

// asm joins bytes (untyped constants) and little-endian words.
func asm(parts ...any) []byte {
	var code []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			code = append(code, byte(p))
		case word:
			code = le.AppendUint16(code, uint16(p))
		case dword:
			code = le.AppendUint32(code, uint32(p))
		default:
			panic(fmt.Sprintf("boot: asm part of type %T", p))
		}
	}
	return code
}
