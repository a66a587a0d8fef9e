/* The kernels of SC_ISA as an sc_engine. */
const sc_engine SC_JOIN(sc_engine_, SC_ISA) = {
    SC_TEXT(SC_ISA),
#define KERNEL(returns, name, parameters) SC_KERNEL(sc_##name),
#include "engine/kernels.h"
};
