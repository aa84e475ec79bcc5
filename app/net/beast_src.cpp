// Beast's own definitions, compiled once for the whole program (BOOST_BEAST_SEPARATE_COMPILATION is set
// everywhere).
#include <boost/beast/src.hpp>
