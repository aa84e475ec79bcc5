#pragma once
// What a unit of work may touch: the stores, one per aggregate, inside one transaction or on one snapshot.
namespace gatehouse::core {

class snapshot {
  public:
    virtual ~snapshot() = default;
};

class transaction : public snapshot {};

}  // namespace gatehouse::core
