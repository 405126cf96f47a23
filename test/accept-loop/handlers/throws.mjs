throw Object.assign(new Error('of the module'), { code: 'E_MODULE' });
