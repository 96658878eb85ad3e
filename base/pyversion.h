/* Minor versions of Python 3 that pysbx knows, in the front end and at run time. */
#ifndef PYSBX_BASE_PYVERSION_H
#define PYSBX_BASE_PYVERSION_H

#define PYTHON_MINOR_OLDEST 8
#define PYTHON_MINOR_NEWEST 14

#endif
