print("nla")
