# Directly behind "files"; hosts that were upgraded for long have "compat".
passwd after=files,compat oat
group  after=files,compat oat
