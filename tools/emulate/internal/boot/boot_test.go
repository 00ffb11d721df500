package boot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// bzImage returns a kernel image with a payload.
func bzImage(payload []byte) []byte {
	b := make([]byte, 3*512)
	b[setupSects] = 2
	b[headerLength] = 0x6a // up to 0x26c, as in protocol 2.15
	copy(b[headerMagic:], "HdrS")
	le.PutUint32(b[initrdAddrMax:], 0x7fffffff)
	le.PutUint32(b[payloadOffset:], 16)
	le.PutUint32(b[payloadLength:], uint32(len(payload)))
	le.PutUint32(b[initSize:], 0x500000)
	return append(append(b, make([]byte, 16)...), payload...)
}

func TestPayload(t *testing.T) {
	frame := append([]byte{}, lz4Magic...)
	frame = append(frame, "compressed"...)
	got, err := Payload(bzImage(append(frame, 1, 2, 3, 4)))
	if err != nil || !bytes.Equal(got, frame) {
		t.Errorf("Payload = %q, %v, want %q", got, err, frame)
	}
	for name, c := range map[string]struct {
		image []byte
		want  string
	}{
		"no kernel": {make([]byte, 4096), "HdrS"},
		"short":     {[]byte("HdrS"), "HdrS"},
		"gzip":      {bzImage([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00")), "1f 8b 08 00"},
		"truncated": {bzImage(append(frame, 1, 2, 3, 4))[:3*512+20], "does not fit"},
	} {
		if _, err := Payload(c.image); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// memory is a RAM image that starts at address 0.
type memory map[int64]byte

func (m memory) WriteAt(b []byte, off int64) (int, error) {
	for i, c := range b {
		m[off+int64(i)] = c
	}
	return len(b), nil
}

func (m memory) bytes(addr int64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = m[addr+int64(i)]
	}
	return b
}

func machine() *Machine {
	text := []byte("kernel text")
	return &Machine{
		BzImage: bzImage([]byte("payload ")),
		Kernel: &elf.File{
			FileHeader: elf.FileHeader{Class: elf.ELFCLASS64, Machine: elf.EM_X86_64, Entry: 0x1000040},
			Progs: []*elf.Prog{
				{ProgHeader: elf.ProgHeader{Type: elf.PT_NOTE}},
				{
					ProgHeader: elf.ProgHeader{Type: elf.PT_LOAD, Paddr: 0x1000000, Filesz: uint64(len(text)), Memsz: 0x2000},
					ReaderAt:   bytes.NewReader(text),
				},
			},
		},
		Initrd:      []byte("initial file system"),
		CommandLine: "console=ttyS0 quiet",
		Memory:      64 << 20,
	}
}

func TestWriteRAM(t *testing.T) {
	m, ram := machine(), memory{}
	if err := m.WriteRAM(ram, func(addr uint64) int64 { return int64(addr) }); err != nil {
		t.Fatal(err)
	}
	if got := ram.bytes(0x1000000, 11); string(got) != "kernel text" {
		t.Errorf("kernel is %q", got)
	}
	if got := ram.bytes(cmdLineAddr, 20); string(got) != m.CommandLine+"\x00" {
		t.Errorf("command line is %q", got)
	}
	params := ram.bytes(paramsAddr, 0x1000)
	if string(params[headerMagic:headerMagic+4]) != "HdrS" {
		t.Error("boot_params have no setup header")
	}
	// 5 MiB of init_size from 16 MiB end at 21 MiB, which rounds up to 22 MiB.
	const initrd = 22 << 20
	for _, c := range []struct {
		name   string
		offset int
		want   uint32
	}{
		{"ramdisk_image", ramdiskImage, initrd},
		{"ramdisk_size", ramdiskSize, uint32(len(m.Initrd))},
		{"cmd_line_ptr", cmdLinePtr, cmdLineAddr},
	} {
		if got := le.Uint32(params[c.offset:]); got != c.want {
			t.Errorf("%s = %#x, want %#x", c.name, got, c.want)
		}
	}
	if got := ram.bytes(initrd, len(m.Initrd)); !bytes.Equal(got, m.Initrd) {
		t.Errorf("initial file system is %q", got)
	}
	if params[typeOfLoader] != 0xff || params[loadFlags]&1 == 0 {
		t.Errorf("type_of_loader %#x, loadflags %#x", params[typeOfLoader], params[loadFlags])
	}
	if params[e820Entries] != 2 {
		t.Errorf("%d entries in the memory map, want 2", params[e820Entries])
	}
	for i, want := range [][2]uint64{{0, 0x9f000}, {0x100000, 63 << 20}} {
		e := params[e820Table+20*i:]
		if got := [2]uint64{le.Uint64(e), le.Uint64(e[8:])}; got != want || le.Uint32(e[16:]) != 1 {
			t.Errorf("memory map entry %d is %#x, want %#x", i, got, want)
		}
	}
	// Walk the page tables as a CPU does (SDM 3A, 4.5.4).
	for _, addr := range []uint64{0, 0x10000, 0xf0000, 0x1000040, 0xffe00000, 0xffffffff} {
		table := uint64(pml4Addr)
		for _, shift := range []int{39, 30, 21} {
			entry := le.Uint64(ram.bytes(int64(table+8*(addr>>shift&511)), 8))
			if entry&3 != 3 || (entry&0x80 != 0) != (shift == 21) {
				t.Fatalf("entry for %#x at level %d is %#x", addr, shift, entry)
			}
			table = entry &^ 0xfff
		}
		if table != addr&^(hugePage-1) {
			t.Errorf("%#x is mapped into the page at %#x", addr, table)
		}
	}
}

func TestMachineErrors(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(m *Machine)
	}{
		{"67108863 bytes", func(m *Machine) { m.Memory-- }},
		{"memory of 3221225472 bytes", func(m *Machine) { m.Memory = 3 << 30 }},
		{"30000000 bytes of files", func(m *Machine) { m.Initrd = make([]byte, 30000000) }},
		{"command line of 5000 bytes", func(m *Machine) { m.CommandLine = strings.Repeat("x", 5000) }},
		{"EM_AARCH64", func(m *Machine) { m.Kernel.Machine = elf.EM_AARCH64 }},
		{"not above 1 MiB", func(m *Machine) { m.Kernel.Progs[1].Paddr = 0x1000 }},
		{"no setup header", func(m *Machine) { m.BzImage = nil }},
	} {
		m := machine()
		c.change(m)
		if err := m.WriteRAM(memory{}, func(addr uint64) int64 { return int64(addr) }); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	m := machine()
	m.Kernel.Entry = 1 << 32
	if _, err := m.ROM(1 << 17); err == nil {
		t.Error("ROM: no error for a kernel entry above 4 GiB")
	}
}

// TestROM holds what can be told without running it; the emulator's own tests
// run it.
func TestROM(t *testing.T) {
	rom, err := machine().ROM(128 << 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(rom) != 64<<10 || rom[reset] != 0xea {
		t.Fatalf("%d bytes, first instruction %#x", len(rom), rom[reset])
	}
	if got := binary.LittleEndian.Uint32(rom[gdtr+2:]); got != romAddr+gdt {
		t.Errorf("GDT register points to %#x", got)
	}
	if !bytes.Contains(rom[long:gdt], []byte{0xb8, 0x40, 0x00, 0x00, 0x01, 0xff, 0xe0}) {
		t.Errorf("no jump to the kernel's entry in % x", rom[long:gdt])
	}
}

func TestArchive(t *testing.T) {
	var a Archive
	a.File("/bin/deep/program", []byte("content"))
	a.File("bin/deep/program", []byte("left out"))
	a.Dir("/bin/")
	a.Dir("/")
	a.File("/empty", nil)
	type entry struct {
		mode    string
		content string
	}
	got := map[string]entry{}
	for b := a.Bytes(); ; {
		if string(b[:6]) != "070701" {
			t.Fatalf("entry begins with %q", b[:6])
		}
		field := func(i int) int {
			n, err := strconv.ParseInt(string(b[6+8*i:14+8*i]), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		align := func(n int) int { return (n + 3) &^ 3 }
		nameEnd := 110 + field(11)
		name := string(b[110 : nameEnd-1])
		content := b[align(nameEnd):][:field(6)]
		if _, ok := got[name]; ok {
			t.Errorf("%q stands there twice", name)
		}
		if name == "TRAILER!!!" {
			break
		}
		got[name] = entry{fmt.Sprintf("%o", field(1)), string(content)}
		b = b[align(align(nameEnd)+len(content)):]
	}
	want := map[string]entry{
		"bin": {"40755", ""}, "bin/deep": {"40755", ""}, "bin/deep/program": {"100755", "content"}, "empty": {"100755", ""},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("archive holds %v, want %v", got, want)
	}
}
