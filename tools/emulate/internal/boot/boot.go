// Package boot lays out a Linux kernel, its initial file system and its boot
// parameters in a machine's memory, so that the machine can start without a
// disk, without firmware, and without decompressing anything itself.
//
// An emulated CPU runs a few tens of millions of instructions a second. A BIOS
// and the kernel's own decompressor would cost it more time than everything
// after them, so both are replaced: the kernel is decompressed beforehand, and
// a ROM of some 130 bytes takes the CPU from reset into the kernel's entry.
//
// The contract with the kernel is its x86 boot protocol, in the kernel's
// Documentation/arch/x86/boot.rst (section "64-bit Boot Protocol") and
// zero-page.rst; that with the CPU is the Intel SDM, volume 3, chapter 10
// ("Processor Management and Initialization").
package boot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var le = binary.LittleEndian

// Offsets in a bzImage and in boot_params, which begin alike: the setup header
// stands at setupHeader in both (boot.rst, "The Real-Mode Kernel Header").
const (
	e820Entries   = 0x1e8 // boot_params only: number of memory map entries
	setupHeader   = 0x1f1
	setupSects    = 0x1f1
	headerLength  = 0x201 // the header ends this byte's value after 0x202
	headerMagic   = 0x202
	typeOfLoader  = 0x210
	loadFlags     = 0x211
	ramdiskImage  = 0x218
	ramdiskSize   = 0x21c
	cmdLinePtr    = 0x228
	initrdAddrMax = 0x22c
	payloadOffset = 0x248
	payloadLength = 0x24c
	initSize      = 0x260
	e820Table     = 0x2d0 // boot_params only: the memory map
)

// lz4Magic begins an LZ4 legacy frame, the form that the kernel's build writes.
var lz4Magic = []byte{0x02, 0x21, 0x4c, 0x18}

// Payload returns the compressed kernel inside a bzImage, an LZ4 legacy frame.
func Payload(bzImage []byte) ([]byte, error) {
	if len(bzImage) < e820Table || string(bzImage[headerMagic:headerMagic+4]) != "HdrS" {
		return nil, errors.New("not a Linux bzImage: no HdrS at 0x202")
	}
	sectors := int(bzImage[setupSects])
	if sectors == 0 {
		sectors = 4 // boot.rst: for backwards compatibility
	}
	start := (sectors+1)*512 + int(le.Uint32(bzImage[payloadOffset:]))
	length := int(le.Uint32(bzImage[payloadLength:]))
	if length < 8 || start+length > len(bzImage) {
		return nil, fmt.Errorf("payload of %d bytes at %d does not fit a bzImage of %d bytes", length, start, len(bzImage))
	}
	payload := bzImage[start : start+length]
	if !bytes.HasPrefix(payload, lz4Magic) {
		return nil, fmt.Errorf("payload begins with % x, only LZ4 (% x) is handled", payload[:4], lz4Magic)
	}
	// The kernel's build appends the decompressed size, which is no part of the frame.
	return payload[:length-4], nil
}

// Machine is what a computer without a disk has in its memory at power-on.
type Machine struct {
	// BzImage is the packaged kernel; its setup header is used.
	BzImage []byte
	// Kernel is the ELF file inside BzImage, decompressed.
	Kernel *elf.File
	// Initrd is the initial file system, a newc archive.
	Initrd []byte
	// CommandLine is the kernel's.
	CommandLine string
	// Memory is the size of the RAM in bytes, a multiple of 2 MiB of at least
	// 64 MiB and below 3 GiB, where devices begin.
	Memory int64
}

// Physical addresses. Everything below 1 MiB that this package writes lies
// between paramsAddr and lowMemoryEnd.
const (
	paramsAddr   = 0x10000 // boot_params, one page
	cmdLineAddr  = 0x11000 // one page
	pml4Addr     = 0x12000
	pdptAddr     = 0x13000
	pdAddr       = 0x14000 // directories pages, which map directories GiB
	lowEnd       = pdAddr + directories*0x1000
	stackTop     = 0x9f000
	lowMemoryEnd = 0x9f000  // above it a PC has the extended BIOS data area
	highMemory   = 0x100000 // below it a PC has video memory and ROM
	romAddr      = 0xf0000

	directories = 4
	hugePage    = 2 << 20
)

// layout returns where the kernel begins and where the initial file system goes.
func (m *Machine) layout() (kernel, initrd uint64, err error) {
	if m.Memory%hugePage != 0 || m.Memory < 64<<20 || m.Memory >= 3<<30 {
		return 0, 0, fmt.Errorf("memory of %d bytes: it must be a multiple of 2 MiB, at least 64 MiB and below 3 GiB", m.Memory)
	}
	if len(m.CommandLine) >= 0x1000 {
		return 0, 0, fmt.Errorf("kernel command line of %d bytes, at most 4095 fit", len(m.CommandLine))
	}
	if m.Kernel.Class != elf.ELFCLASS64 || m.Kernel.Machine != elf.EM_X86_64 {
		return 0, 0, fmt.Errorf("kernel is %v %v, not 64-bit x86", m.Kernel.Class, m.Kernel.Machine)
	}
	if len(m.BzImage) < e820Table {
		return 0, 0, fmt.Errorf("bzImage of %d bytes has no setup header", len(m.BzImage))
	}
	kernel = ^uint64(0)
	var end uint64
	for _, p := range m.Kernel.Progs {
		if p.Type == elf.PT_LOAD {
			kernel = min(kernel, p.Paddr)
			end = max(end, p.Paddr+p.Memsz)
		}
	}
	if end == 0 || kernel < highMemory {
		return 0, 0, fmt.Errorf("kernel loads at %#x, not above 1 MiB", kernel)
	}
	// Until it has read the memory map, the kernel takes init_size bytes for granted.
	end = max(end, kernel+uint64(le.Uint32(m.BzImage[initSize:])))
	initrd = (end + hugePage - 1) &^ (hugePage - 1)
	limit := min(uint64(m.Memory), uint64(le.Uint32(m.BzImage[initrdAddrMax:])))
	// The kernel copies the archive's files out of it before it frees the archive.
	if need := initrd + 2*uint64(len(m.Initrd)); need > limit {
		return 0, 0, fmt.Errorf("%d bytes of memory cannot hold the kernel and %d bytes of files, %d are needed", limit, len(m.Initrd), need)
	}
	return kernel, initrd, nil
}

// WriteRAM writes the memory's contents at power-on to w. The offset in w is
// not the physical address: place turns an address into an offset.
func (m *Machine) WriteRAM(w io.WriterAt, place func(addr uint64) int64) error {
	kernel, initrd, err := m.layout()
	if err != nil {
		return err
	}
	low := make([]byte, lowEnd-paramsAddr)
	m.writeParams(low[:0x1000], initrd)
	copy(low[cmdLineAddr-paramsAddr:], m.CommandLine)
	writePageTables(low[pml4Addr-paramsAddr:])
	if _, err := w.WriteAt(low, place(paramsAddr)); err != nil {
		return err
	}
	for _, p := range m.Kernel.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return fmt.Errorf("kernel segment at %#x (kernel at %#x): %w", p.Paddr, kernel, err)
		}
		if _, err := w.WriteAt(b, place(p.Paddr)); err != nil {
			return err
		}
	}
	_, err = w.WriteAt(m.Initrd, place(initrd))
	return err
}

// writeParams fills in boot_params: the packaged setup header, and what a boot
// loader owes the kernel.
func (m *Machine) writeParams(params []byte, initrd uint64) {
	end := headerMagic + int(m.BzImage[headerLength])
	copy(params[setupHeader:end], m.BzImage[setupHeader:end])
	params[typeOfLoader] = 0xff // a loader without an assigned number
	params[loadFlags] |= 1      // LOADED_HIGH: the kernel is above 1 MiB
	le.PutUint32(params[ramdiskImage:], uint32(initrd))
	le.PutUint32(params[ramdiskSize:], uint32(len(m.Initrd)))
	le.PutUint32(params[cmdLinePtr:], cmdLineAddr)
	const usable = 1
	for i, r := range [][2]uint64{{0, lowMemoryEnd}, {highMemory, uint64(m.Memory) - highMemory}} {
		entry := params[e820Table+20*i:]
		le.PutUint64(entry, r[0])
		le.PutUint64(entry[8:], r[1])
		le.PutUint32(entry[16:], usable)
		params[e820Entries]++
	}
}

// writePageTables maps the first 4 GiB to themselves in pages of 2 MiB: the
// 64-bit boot protocol wants the kernel, boot_params and the command line
// mapped so, and long mode does not work without paging (SDM 3A, 4.5.4).
func writePageTables(tables []byte) {
	const present, writable, huge = 1 << 0, 1 << 1, 1 << 7
	at := func(addr int) []byte { return tables[addr-pml4Addr:] }
	le.PutUint64(at(pml4Addr), pdptAddr|present|writable)
	for i := range directories {
		le.PutUint64(at(pdptAddr+8*i), uint64(pdAddr+0x1000*i)|present|writable)
	}
	for i := range 512 * directories {
		le.PutUint64(at(pdAddr+8*i), uint64(i)*hugePage|present|writable|huge)
	}
}
