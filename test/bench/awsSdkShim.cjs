// data-api-client 1.3 asks for version 2 of the AWS SDK by name, which is at its end of life: it gets none, since it is
// handed a client of version 3.
module.exports = {}
