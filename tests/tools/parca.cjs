// parca.cjs PACKAGES DIR: a server of Parca's method WriteRaw, by grpc-js: profile N of a request is
// DIR/N, and its labels are DIR/N.labels.  Its port is in DIR/port.
const [packages, dir] = process.argv.slice(2);
const fs = require('fs');
const grpc = require(packages + '/@grpc/grpc-js'), loader = require(packages + '/@grpc/proto-loader');

// What parca/profilestore/v1alpha1/profilestore.proto says of it.
fs.writeFileSync(dir + '/store.proto', `
syntax = "proto3";
package parca.profilestore.v1alpha1;
service ProfileStoreService { rpc WriteRaw(WriteRawRequest) returns (WriteRawResponse) {} }
message WriteRawRequest { string tenant = 1; repeated RawProfileSeries series = 2; bool normalized = 3; }
message WriteRawResponse {}
message RawProfileSeries { LabelSet labels = 1; repeated RawSample samples = 2; }
message Label { string name = 1; string value = 2; }
message LabelSet { repeated Label labels = 1; }
message RawSample { bytes raw_profile = 1; }
`);
const root = grpc.loadPackageDefinition(loader.loadSync(dir + '/store.proto', { keepCase: true }));
const server = new grpc.Server();
let n = 0;
server.addService(root.parca.profilestore.v1alpha1.ProfileStoreService.service, {
	WriteRaw(call, answer) {
		for (const series of call.request.series) {
			const labels = series.labels.labels.map(l => l.name + '=' + l.value + '\n').join('');
			if (labels.includes('job=refuse\n'))
				return answer({ code: grpc.status.INVALID_ARGUMENT, message: 'no such job' });
			for (const sample of series.samples) {
				n++;
				fs.writeFileSync(`${dir}/${n}`, sample.raw_profile);
				fs.writeFileSync(`${dir}/${n}.labels`, labels);
			}
		}
		answer(null, {});
	},
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
	if (error)
		throw error;
	fs.writeFileSync(dir + '/port', String(port));
});
