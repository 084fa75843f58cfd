; tick: a guest of one 512-byte boot sector that shows that it is alive, and that it is still the same guest.
;
; At every timer tick of the BIOS (18.2 a second) it adds one to a counter, writes to PAGES_PER_TICK pages of
; memory, and sends the counter to the first serial port as a line "Cxxxxxxxx" (8 hexadecimal digits). The
; counter lives in memory only: after a migration or a failover it goes on where it was, after a reboot the
; line "BOOT" comes first and the counter starts at 1. What arrives on the serial port is sent back.
;
; The key R at its keyboard makes it differ from any copy of it that runs along: with each number it sends a line
; "Rxxxxxxxx" too, of what the processor's clock says. The key D ends that.
;
; Between ticks it sleeps (hlt), so an idle guest costs its host next to nothing. It never reads its disk:
; any medium that the BIOS boots from will do.
;
; nasm -f bin -D PAGES_PER_TICK=n -D WINDOW_PAGES=n
;   PAGES_PER_TICK  pages (4 KiB) written per tick; 0 for none
;   WINDOW_PAGES    they are taken in turn from this many pages, which start at 1 MiB
;   RESTLESS        1: it does not wait for ticks, and never sleeps: it counts on and on, some ten times a second

%ifndef PAGES_PER_TICK
%define PAGES_PER_TICK 0
%endif
%ifndef WINDOW_PAGES
%define WINDOW_PAGES 1
%endif
%ifndef RESTLESS
%define RESTLESS 0
%endif

LOAD_ADDRESS    equ 0x7c00      ; where the BIOS puts a boot sector
BIOS_TICKS      equ 0x46c       ; the BIOS counts its timer ticks here
WINDOW_BASE     equ 0x100000
SERIAL_DATA     equ 0x3f8
SERIAL_STATUS   equ 0x3fd
CAN_READ        equ 0x01
CAN_WRITE       equ 0x20
DATA_SEGMENT    equ 8           ; the only entry of our descriptor table

bits 16
org LOAD_ADDRESS

start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, LOAD_ADDRESS
        sti
        mov     si, boot_line
.next:  lodsb
        test    al, al
        jz      main
        call    send
        jmp     .next

main:
%if RESTLESS
        mov     ecx, 1000000    ; faster, and it fills the socket, which takes some 270 bytes that were written one by one
.work:  dec     ecx
        jnz     .work
        inc     dword [counter]
        call    write_pages
        mov     ebx, [counter]
        mov     al, 'C'
        call    send_number
        jmp     main
%endif
        hlt                     ; until the next interrupt, which need not be the timer's
        mov     ax, [BIOS_TICKS]
        cmp     ax, [seen_ticks]
        je      .echo
        mov     [seen_ticks], ax
        inc     dword [counter]
        call    write_pages
        mov     ebx, [counter]
        mov     al, 'C'
        call    send_number
        mov     ah, 1
        int     0x16                    ; the BIOS' keyboard: is a key there?
        jz      .no_key
        xor     ah, ah
        int     0x16
        mov     [key], al
.no_key:
        cmp     byte [key], 'r'
        jne     .echo
        rdtsc
        mov     ebx, eax
        mov     al, 'R'
        call    send_number
.echo:  mov     dx, SERIAL_STATUS
        in      al, dx
        test    al, CAN_READ
        jz      main
        mov     dx, SERIAL_DATA
        in      al, dx
        call    send
        jmp     main

; Writes the counter to the next PAGES_PER_TICK pages of the window.
; Real mode reaches 1 MiB only; a visit to protected mode leaves fs with a limit of 4 GiB ("unreal mode").
; It is made anew at each tick because BIOS interrupt handlers may reload fs.
write_pages:
        mov     cx, PAGES_PER_TICK
        jcxz    .none
        cli
        lgdt    [table_register]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        mov     bx, DATA_SEGMENT
        mov     fs, bx
        and     al, 0xfe
        mov     cr0, eax
        mov     ebx, [counter]
        mov     eax, [next_page]
.page:  cmp     eax, WINDOW_PAGES
        jb      .inside
        xor     eax, eax
.inside:
        mov     edx, eax
        shl     edx, 12
        mov     [fs:edx + WINDOW_BASE], ebx
        inc     eax
        loop    .page
        mov     [next_page], eax
        xor     bx, bx
        mov     fs, bx
        sti
.none:  ret

; Sends the letter in al, the 8 hexadecimal digits of ebx, and a line feed.
send_number:
        call    send
        mov     cx, 8
.digit: rol     ebx, 4
        mov     al, bl
        and     al, 15
        add     al, '0'
        cmp     al, '9'
        jbe     .ready
        add     al, 'A' - '9' - 1
.ready: call    send
        loop    .digit
        mov     al, 10
        ; falls through

; Sends the character in al to the serial port.
send:
        push    dx
        push    ax
        mov     dx, SERIAL_STATUS
.busy:  in      al, dx
        test    al, CAN_WRITE
        jz      .busy
        pop     ax
        mov     dx, SERIAL_DATA
        out     dx, al
        pop     dx
        ret

boot_line:      db 13, 10, "BOOT", 10, 0

align 4
table:          dq 0                            ; the processor wants an empty first entry
                dw 0xffff, 0                    ; base 0, limit 4 GiB, data, writable
                db 0, 0x92, 0xcf, 0
table_register: dw table_register - table - 1
                dd table

align 4
counter:        dd 0
next_page:      dd 0
seen_ticks:     dw 0
key:            db 0

        times   510 - ($ - $$) db 0
        dw      0xaa55                          ; without it the BIOS does not boot the sector
