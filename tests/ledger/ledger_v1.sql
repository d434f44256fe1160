BEGIN TRANSACTION;
CREATE TABLE approvals (
	run_no INTEGER NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	decision VARCHAR(16) NOT NULL, 
	operator TEXT NOT NULL, 
	note TEXT NOT NULL, 
	decided_at BIGINT NOT NULL, 
	PRIMARY KEY (run_no, subject, digest), 
	FOREIGN KEY(run_no) REFERENCES runs (run_no)
);
INSERT INTO "approvals" VALUES(3,'10.0.0.1','8ced06f34e688cfc25a7d03101513d6143de660a76957223e08c89faab4a6763','approve','值班长','退',1795999754346);
CREATE TABLE events (
	run_no INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	link BLOB NOT NULL, 
	PRIMARY KEY (run_no, seq), 
	FOREIGN KEY(run_no) REFERENCES runs (run_no)
)
 WITHOUT ROWID

;
INSERT INTO "events" VALUES(1,1,1795999751880,'[{"type":"ACTION_DONE","stage":"check-home","backend":"fake","message":"","values":{"HOME_VERSION":"fake"}}]',X'5B4505955824561C9E9E4885947AC1D8');
INSERT INTO "events" VALUES(1,2,1795999751886,'[{"type":"ACTION_DONE","stage":"upload-package","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'16B8DF5EFE53688E06E7EFC8940F509E');
INSERT INTO "events" VALUES(1,3,1795999751887,'[{"type":"INTENT","stage":"publish-version","attempt":1}]',X'829A765F5B13512955E98D66763F4B1B');
INSERT INTO "events" VALUES(1,4,1795999751890,'[{"type":"ACTION_DONE","stage":"publish-version","backend":"fake","message":"","values":{"PUBLISH_ID":"fake-1"}}]',X'59D26CEDA0460385B9B1C47D47CA0CFA');
INSERT INTO "events" VALUES(1,5,1795999751891,'[{"type":"ACTION_DONE","stage":"get-node-url","backend":"fake","message":"","values":{"NODE_URL":"http://127.0.0.1/fake-node"}}]',X'82777C1263FCA9F9048CC6A382FE2419');
INSERT INTO "events" VALUES(1,6,1795999751894,'[{"type":"ACTION_DONE","stage":"sync-node","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'B1509FE79C67DAA3068AB3E22C58C024');
INSERT INTO "events" VALUES(1,7,1795999751895,'[{"type":"ACTION_DONE","stage":"get-online-ips","backend":"fake","message":"","values":{"IP":["10.0.0.1","10.0.0.2"],"AIRPORT_CODE":"PEK"}}]',X'C8A92295904DF2BBC7E4662F554CFD20');
INSERT INTO "events" VALUES(1,8,1795999752076,'[{"type":"IP_START","ip":"10.0.0.1"},{"type":"INTENT","stage":"stop-ip","ip":"10.0.0.1","attempt":1}]',X'489D5A30FB748446A4DE329D07886722');
INSERT INTO "events" VALUES(1,9,1795999752116,'[{"type":"ACTION_DONE","stage":"stop-ip","ip":"10.0.0.1","backend":"fake","message":"stop-ip 完成","values":{}},{"type":"INTENT","stage":"deploy-ip","ip":"10.0.0.1","attempt":1}]',X'83E17EE18C9F3ED7CB55A9A420E91392');
INSERT INTO "events" VALUES(1,10,1795999752128,'[{"type":"ACTION_DONE","stage":"deploy-ip","ip":"10.0.0.1","backend":"fake","message":"deploy-ip 完成","values":{}},{"type":"INTENT","stage":"start-ip","ip":"10.0.0.1","attempt":1}]',X'BCAD3F4B402211BDBFA45538DF7BAC4C');
INSERT INTO "events" VALUES(1,11,1795999752129,'[{"type":"ACTION_DONE","stage":"start-ip","ip":"10.0.0.1","backend":"fake","message":"start-ip 完成","values":{}},{"type":"ACTION_FAIL","stage":"verify-ip","ip":"10.0.0.1","backend":"fake","message":"探针没有应答"},{"type":"CONFIRMATION_REQUIRED","ip":"10.0.0.1","failed_stage":"verify-ip","failure_reason":"探针没有应答","rollback_stop_first":true}]',X'39FADA2567B813E9CEDA380A5A739D10');
INSERT INTO "events" VALUES(1,12,1795999752151,'[{"type":"LOG_SAVED","ip":"10.0.0.1","log_file":"logs/waiting/10.0.0.1.log"}]',X'6B07CBF2EA61B3CB9D094CC6FC9219BB');
INSERT INTO "events" VALUES(2,1,1795999752957,'[{"type":"ACTION_DONE","stage":"check-home","backend":"fake","message":"","values":{"HOME_VERSION":"fake"}}]',X'C153252D9A8F74C3EC380FBB6BC84F81');
INSERT INTO "events" VALUES(2,2,1795999753011,'[{"type":"ACTION_DONE","stage":"upload-package","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'D559091B3B039BB2464731B1475BF1EF');
INSERT INTO "events" VALUES(2,3,1795999753034,'[{"type":"INTENT","stage":"publish-version","attempt":1}]',X'5FDCD745DE2BAB02D6F31683AB3B4770');
INSERT INTO "events" VALUES(2,4,1795999753050,'[{"type":"ACTION_DONE","stage":"publish-version","backend":"fake","message":"","values":{"PUBLISH_ID":"fake-1"}}]',X'44EA6FA20B9EB891A5B2077CCCEDF045');
INSERT INTO "events" VALUES(2,5,1795999753064,'[{"type":"ACTION_DONE","stage":"get-node-url","backend":"fake","message":"","values":{"NODE_URL":"http://127.0.0.1/fake-node"}}]',X'120B74FB6E91413269C608EF25E4BBC0');
INSERT INTO "events" VALUES(2,6,1795999753080,'[{"type":"ACTION_DONE","stage":"sync-node","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'8F1CDFB6864D88775A1A925BD46D3D43');
INSERT INTO "events" VALUES(2,7,1795999753102,'[{"type":"ACTION_DONE","stage":"get-online-ips","backend":"fake","message":"","values":{"IP":["10.0.0.1","10.0.0.2"],"AIRPORT_CODE":"PEK"}}]',X'93E3219275AD4C8C50DDFA0F68A58DF3');
INSERT INTO "events" VALUES(2,8,1795999753263,'[{"type":"IP_START","ip":"10.0.0.1"},{"type":"INTENT","stage":"stop-ip","ip":"10.0.0.1","attempt":1}]',X'AF2ED27D82931FC2BB0B5D576546A398');
INSERT INTO "events" VALUES(2,9,1795999753290,'[{"type":"ACTION_DONE","stage":"stop-ip","ip":"10.0.0.1","backend":"fake","message":"stop-ip 完成","values":{}},{"type":"INTENT","stage":"deploy-ip","ip":"10.0.0.1","attempt":1}]',X'C701209A07E516EE78990692A1884FFC');
INSERT INTO "events" VALUES(3,1,1795999753761,'[{"type":"ACTION_DONE","stage":"check-home","backend":"fake","message":"","values":{"HOME_VERSION":"fake"}}]',X'AB5E8DBF2F3560AC4A65B1648545B260');
INSERT INTO "events" VALUES(3,2,1795999753958,'[{"type":"ACTION_DONE","stage":"upload-package","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'EFEC037AC824959F66A5FBD0A4C56364');
INSERT INTO "events" VALUES(3,3,1795999754004,'[{"type":"INTENT","stage":"publish-version","attempt":1}]',X'E56B47FB4C34509A80011A7C8E74C93D');
INSERT INTO "events" VALUES(3,4,1795999754030,'[{"type":"ACTION_DONE","stage":"publish-version","backend":"fake","message":"","values":{"PUBLISH_ID":"fake-1"}}]',X'2B6144CF60CD8F022D00A43315B7FB82');
INSERT INTO "events" VALUES(3,5,1795999754038,'[{"type":"ACTION_DONE","stage":"get-node-url","backend":"fake","message":"","values":{"NODE_URL":"http://127.0.0.1/fake-node"}}]',X'96C8F0E5BF79AECB9AC69659CB93348F');
INSERT INTO "events" VALUES(3,6,1795999754062,'[{"type":"ACTION_DONE","stage":"sync-node","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"},"ago":1}]',X'1ED1690D7172E4C792CFB9CD2D07A184');
INSERT INTO "events" VALUES(3,7,1795999754063,'[{"type":"ACTION_DONE","stage":"get-online-ips","backend":"fake","message":"","values":{"IP":["10.0.0.1","10.0.0.2"],"AIRPORT_CODE":"PEK"}}]',X'1452C5E2D14B94B661207D26F6D25AF4');
INSERT INTO "events" VALUES(3,8,1795999754219,'[{"type":"IP_START","ip":"10.0.0.1"},{"type":"INTENT","stage":"stop-ip","ip":"10.0.0.1","attempt":1}]',X'99FBB456BB2F6406FA8EC497A0C3F262');
INSERT INTO "events" VALUES(3,9,1795999754270,'[{"type":"ACTION_DONE","stage":"stop-ip","ip":"10.0.0.1","backend":"fake","message":"stop-ip 完成","values":{}},{"type":"INTENT","stage":"deploy-ip","ip":"10.0.0.1","attempt":1}]',X'C41B064B6B0DBA9A92A900A8698BD514');
INSERT INTO "events" VALUES(3,10,1795999754274,'[{"type":"ACTION_DONE","stage":"deploy-ip","ip":"10.0.0.1","backend":"fake","message":"deploy-ip 完成","values":{}},{"type":"INTENT","stage":"start-ip","ip":"10.0.0.1","attempt":1}]',X'76838C21F2EDC52CAE006B7851322558');
INSERT INTO "events" VALUES(3,11,1795999754275,'[{"type":"ACTION_FAIL","stage":"start-ip","ip":"10.0.0.1","backend":"fake","message":"演练注入的失败"},{"type":"CONFIRMATION_REQUIRED","ip":"10.0.0.1","failed_stage":"start-ip","failure_reason":"演练注入的失败","rollback_stop_first":true}]',X'0FCC3673BC0A0045E2CDF23CD7899449');
INSERT INTO "events" VALUES(3,12,1795999754277,'[{"type":"LOG_SAVED","ip":"10.0.0.1","log_file":"logs/decided/10.0.0.1.log"}]',X'60F3AB623C05D30A4FA5425115B60824');
INSERT INTO "events" VALUES(4,1,1795999754525,'[{"type":"ACTION_DONE","stage":"check-home","backend":"fake","message":"","values":{"HOME_VERSION":"fake"}}]',X'5029A3B6C8AF4A4EB16C39B6C0425306');
INSERT INTO "events" VALUES(4,2,1795999754550,'[{"type":"ACTION_DONE","stage":"upload-package","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'1D5B049B04B67213C73EC17AB21B057B');
INSERT INTO "events" VALUES(4,3,1795999754556,'[{"type":"INTENT","stage":"publish-version","attempt":1}]',X'278B60F735159ADBFEDFA14D1FA92935');
INSERT INTO "events" VALUES(4,4,1795999754558,'[{"type":"ACTION_DONE","stage":"publish-version","backend":"fake","message":"","values":{"PUBLISH_ID":"fake-1"}}]',X'9866571EC3942D8B3303E95E30547267');
INSERT INTO "events" VALUES(4,5,1795999754574,'[{"type":"ACTION_DONE","stage":"get-node-url","backend":"fake","message":"","values":{"NODE_URL":"http://127.0.0.1/fake-node"}}]',X'D969FF397DC3B347B0363A759240F6E9');
INSERT INTO "events" VALUES(4,6,1795999754595,'[{"type":"ACTION_DONE","stage":"sync-node","backend":"fake","message":"","values":{"HASH_CODE":"74776a8870c7739aebf32708cc4ec6fe4133fdd75e5d239434589535d5e9b0d8"}}]',X'8132659C207AE881495FD0D1193255DA');
INSERT INTO "events" VALUES(4,7,1795999754596,'[{"type":"ACTION_DONE","stage":"get-online-ips","backend":"fake","message":"","values":{"IP":["10.0.0.1","10.0.0.2"],"AIRPORT_CODE":"PEK"}}]',X'A0D7EF4F7DAEFD96A5C1A170D2D4619B');
INSERT INTO "events" VALUES(4,8,1795999754751,'[{"type":"IP_START","ip":"10.0.0.1"},{"type":"INTENT","stage":"stop-ip","ip":"10.0.0.1","attempt":1}]',X'200A15EF8C7B7430439C06CF9FA3178B');
INSERT INTO "events" VALUES(4,9,1795999754760,'[{"type":"ACTION_DONE","stage":"stop-ip","ip":"10.0.0.1","backend":"fake","message":"stop-ip 完成","values":{}},{"type":"INTENT","stage":"deploy-ip","ip":"10.0.0.1","attempt":1}]',X'8D5DCAC56B679ED49FB18C0528D002B9');
INSERT INTO "events" VALUES(4,10,1795999754762,'[{"type":"ACTION_DONE","stage":"deploy-ip","ip":"10.0.0.1","backend":"fake","message":"deploy-ip 完成","values":{}},{"type":"INTENT","stage":"start-ip","ip":"10.0.0.1","attempt":1}]',X'81FE99837F203D2110618A3FEC89627E');
INSERT INTO "events" VALUES(4,11,1795999754790,'[{"type":"ACTION_DONE","stage":"start-ip","ip":"10.0.0.1","backend":"fake","message":"start-ip 完成","values":{},"ago":1},{"type":"ACTION_DONE","stage":"verify-ip","ip":"10.0.0.1","backend":"fake","message":"","values":{"SUCCESS":"true","VERSION":"1.3.0"},"ago":1},{"type":"ACTION_DONE","stage":"download-log","ip":"10.0.0.1","backend":"fake","message":"download-log 完成","values":{"LOG_FILE":"logs/ending/10.0.0.1.log"},"ago":1},{"type":"IP_DONE","ip":"10.0.0.1","ago":1}]',X'59E78668912EFAA06D1084B061B0240D');
INSERT INTO "events" VALUES(4,12,1795999754797,'[{"type":"IP_START","ip":"10.0.0.2"},{"type":"INTENT","stage":"stop-ip","ip":"10.0.0.2","attempt":1}]',X'E53E445BC5874E0438688DD7584CCE43');
INSERT INTO "events" VALUES(4,13,1795999754806,'[{"type":"ACTION_DONE","stage":"stop-ip","ip":"10.0.0.2","backend":"fake","message":"stop-ip 完成","values":{}},{"type":"INTENT","stage":"deploy-ip","ip":"10.0.0.2","attempt":1}]',X'1C4F716F1E1B66490436E83463DFA8D1');
INSERT INTO "events" VALUES(4,14,1795999754806,'[{"type":"ACTION_DONE","stage":"deploy-ip","ip":"10.0.0.2","backend":"fake","message":"deploy-ip 完成","values":{}},{"type":"INTENT","stage":"start-ip","ip":"10.0.0.2","attempt":1}]',X'61AFBBA80916EAB076F6DDD329002D78');
INSERT INTO "events" VALUES(4,15,1795999754807,'[{"type":"ACTION_DONE","stage":"start-ip","ip":"10.0.0.2","backend":"fake","message":"start-ip 完成","values":{}},{"type":"ACTION_DONE","stage":"verify-ip","ip":"10.0.0.2","backend":"fake","message":"","values":{"SUCCESS":"true","VERSION":"1.3.0"}},{"type":"ACTION_DONE","stage":"download-log","ip":"10.0.0.2","backend":"fake","message":"download-log 完成","values":{"LOG_FILE":"logs/ending/10.0.0.2.log"}},{"type":"IP_DONE","ip":"10.0.0.2"}]',X'0FE39D0F3C2CCAA76502F92055AB3533');
INSERT INTO "events" VALUES(4,16,1795999754828,'[{"type":"RUN_FINISHED","exit_code":0,"reason":"2 台全部完成"}]',X'C27C482911C1B1D56677EA7511D144F3');
CREATE TABLE leases (
	run_no INTEGER NOT NULL, 
	holder VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	pid_started BIGINT NOT NULL, 
	fence INTEGER NOT NULL, 
	since BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (run_no), 
	FOREIGN KEY(run_no) REFERENCES runs (run_no)
);
INSERT INTO "leases" VALUES(1,'de7e7f0be92f45ae9c61bf99f6303876','old-host',0,337857,4,1795999752048,0);
INSERT INTO "leases" VALUES(2,'c3742cef48ff4c9594c87106860cfbc8','old-host',17706,338923,4,1795999753250,0);
INSERT INTO "leases" VALUES(3,'c8845c31747744178c54480bc58ec1d5','old-host',0,337857,4,1795999754171,0);
INSERT INTO "leases" VALUES(4,'046f45a1ff324758a5dc9f14409b27ac','old-host',0,337857,5,1795999754816,0);
CREATE TABLE ledger_meta (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "ledger_meta" VALUES(1);
CREATE TABLE module_locks (
	module VARCHAR(200) NOT NULL, 
	run_no INTEGER NOT NULL, 
	since BIGINT NOT NULL, 
	PRIMARY KEY (module), 
	FOREIGN KEY(run_no) REFERENCES runs (run_no)
);
INSERT INTO "module_locks" VALUES('PEK/checkin/gate/ending',4,1795999754811);
CREATE TABLE runs (
	run_no INTEGER NOT NULL, 
	run_id VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	input TEXT NOT NULL, 
	cancelled_by TEXT, 
	exit_code INTEGER, 
	reason TEXT, 
	PRIMARY KEY (run_no), 
	UNIQUE (run_id)
);
INSERT INTO "runs" VALUES(1,'waiting',1795999750924,'{"checkpoint_path": null, "config_path": "runtime/config_waiting.txt", "control_params": {}, "execution_strategy": "fake", "params": {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "PACKAGE_PATH": "", "PAM_HOME_URL": "http://127.0.0.1:8080", "REQUEST_TIMEOUT": "120", "VERIFY_TIMEOUT": "180", "VERSION_NUMBER": "1.3.0"}, "requested_ips": ["10.0.0.1", "10.0.0.2"], "script_base_dir": "doc_scripts", "script_entry": "", "trace_file_path": "logs/api_trace_waiting.log"}',NULL,NULL,NULL);
INSERT INTO "runs" VALUES(2,'half-done',1795999752502,'{"checkpoint_path": null, "config_path": "runtime/config_half-done.txt", "control_params": {}, "execution_strategy": "fake", "params": {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "PACKAGE_PATH": "", "PAM_HOME_URL": "http://127.0.0.1:8080", "REQUEST_TIMEOUT": "120", "VERIFY_TIMEOUT": "180", "VERSION_NUMBER": "1.3.0"}, "requested_ips": ["10.0.0.1", "10.0.0.2"], "script_base_dir": "doc_scripts", "script_entry": "", "trace_file_path": "logs/api_trace_half-done.log"}',NULL,NULL,NULL);
INSERT INTO "runs" VALUES(3,'decided',1795999753387,'{"checkpoint_path": null, "config_path": "runtime/config_decided.txt", "control_params": {}, "execution_strategy": "fake", "params": {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "PACKAGE_PATH": "", "PAM_HOME_URL": "http://127.0.0.1:8080", "REQUEST_TIMEOUT": "120", "VERIFY_TIMEOUT": "180", "VERSION_NUMBER": "1.3.0"}, "requested_ips": ["10.0.0.1", "10.0.0.2"], "script_base_dir": "doc_scripts", "script_entry": "", "trace_file_path": "logs/api_trace_decided.log"}','值班长',NULL,NULL);
INSERT INTO "runs" VALUES(4,'ending',1795999754439,'{"checkpoint_path": null, "config_path": "runtime/config_ending.txt", "control_params": {}, "execution_strategy": "fake", "params": {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "PACKAGE_PATH": "", "PAM_HOME_URL": "http://127.0.0.1:8080", "REQUEST_TIMEOUT": "120", "VERIFY_TIMEOUT": "180", "VERSION_NUMBER": "1.3.0"}, "requested_ips": ["10.0.0.1", "10.0.0.2"], "script_base_dir": "doc_scripts", "script_entry": "", "trace_file_path": "logs/api_trace_ending.log"}',NULL,NULL,NULL);
COMMIT;
