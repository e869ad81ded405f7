// libyaml: YAML 1.1 as a stream of events.
#pragma once
#include <yaml.h>
