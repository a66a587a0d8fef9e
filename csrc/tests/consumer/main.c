#include <scalecore.h>
#include <stdio.h>

int main(void)
{
    if (!sc_compatible(SC_VERSION_NUMBER))
        return 1;
    printf("%s %a\n", sc_version(), sc_error_bound(100.0, 1e6, 10.0, 100.0));
    return 0;
}
