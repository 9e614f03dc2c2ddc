# The file of the vDSO, which the kernel copies into a page (process/vdso.cpp).
    .section .rodata.cotrap_vdso, "a"
    .balign 8
    .global cotrap_vdso_begin
cotrap_vdso_begin:
    .incbin COTRAP_VDSO
    .global cotrap_vdso_end
cotrap_vdso_end:
